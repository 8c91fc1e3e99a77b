"""Comparisons as others read them: a pull request, a test viewer."""
