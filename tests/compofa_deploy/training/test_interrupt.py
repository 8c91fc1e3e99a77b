"""Ctrl-C is noted and waits; the second one does not; what was set before is set again."""

import os
import signal
import threading

import pytest

from compofa_deploy.training.interrupt import hold_interrupts


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_interrupt_is_noted_and_not_raised():
    with hold_interrupts() as interrupted:
        assert not interrupted()
        interrupt()
        assert interrupted()


def test_the_second_interrupt_is_raised():
    with hold_interrupts() as interrupted:
        interrupt()
        with pytest.raises(KeyboardInterrupt):
            interrupt()
        assert interrupted()


def test_behind_the_block_an_interrupt_does_what_it_did_before():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError), hold_interrupts():
        raise RuntimeError
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_nothing_is_held():
    seen = []

    def work() -> None:
        with hold_interrupts() as interrupted:
            seen.append(interrupted())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
