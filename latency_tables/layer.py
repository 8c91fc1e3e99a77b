"""Layers: the rows of a subnet's plan, from which keys, costs, modules and graphs are derived."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("conv", "mbconv", "bottleneck", "max_pool", "pool", "linear")
ACTIVATIONS = ("none", "relu", "relu6", "h_swish")

SE_REDUCTION = 4
CHANNEL_DIVISOR = 8

NORM_EPS = 1e-5
"""The constant that a batch norm adds to the variance under the root; torch's default."""


def make_divisible(value: float, divisor: int = CHANNEL_DIVISOR) -> int:
    """Round to the nearest multiple of ``divisor``, never below 90 % of ``value``.

    The rounding of MobileNet's channel counts (Sandler et al., CVPR 2018).

    >>> [make_divisible(v) for v in (8, 12, 19.2, 20, 960 * 0.5)]
    [8, 16, 24, 24, 480]
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    if rounded < 0.9 * value:
        rounded += divisor
    return rounded


@dataclass(frozen=True)
class Layer:
    """One row of a subnet's plan.

    The kinds are:

    - ``conv``: a convolution. With ``skip`` it adds its input after ``act``.
    - ``mbconv``: an inverted residual. It has a 1x1 expansion to ``mid_channels``, which is left out where ``expand``
      is 1; a depthwise convolution of ``kernel`` and ``stride``; an optional squeeze-and-excitation; a linear 1x1
      projection; and an optional skip.
    - ``bottleneck``: ResNet-D's block. It has a 1x1 reduction to ``mid_channels``, a convolution of ``kernel`` and
      ``stride``, a 1x1 restoration and the sum with its input. ``act`` follows each of the first two and the sum.
      Without ``skip`` the input passes an average over ``stride`` x ``stride`` pixels, where that is above 1, and a 1x1
      convolution.
    - ``max_pool``: a maximum pooling.
    - ``pool``: the global average pooling.
    - ``linear``: the classifier.

    Attributes:
        name: The place of the layer's weights, which is not part of ``key``.
        kind: One of :data:`KINDS`.
        in_channels: The input's channels.
        out_channels: The output's channels.
        in_size: The side of the square input in pixels.
        out_size: The side of the square output in pixels.
        mid_channels: The channels of a block's middle.
        expand: The expand ratio of a block.
        kernel: The side of the kernel.
        stride: The stride.
        act: One of :data:`ACTIVATIONS`.
        se: Whether there is a squeeze-and-excitation.
        skip: Whether the input is added to the output.
        norm: Whether a convolution is followed by a batch norm.
        bias: Whether the layer has a bias.
        norm_eps: The batch norm's constant, which is not part of ``key``.
    """

    name: str
    kind: str
    in_channels: int
    out_channels: int
    in_size: int
    out_size: int
    mid_channels: int = 0
    expand: float = 1
    kernel: int = 1
    stride: int = 1
    act: str = "none"
    se: bool = False
    skip: bool = False
    norm: bool = True
    bias: bool = False
    norm_eps: float = NORM_EPS

    @property
    def key(self) -> str:
        """The layer's key in latency tables: everything that its cost depends on.

        >>> Layer("blocks.1", "mbconv", 16, 24, 56, 28, 64, 4, 3, 2, "relu").key
        'mbconv-16x56-24x28-m64-k3-s2-relu'
        """
        parts = [self.kind, f"{self.in_channels}x{self.in_size}", f"{self.out_channels}x{self.out_size}"]
        if self.kind in ("mbconv", "bottleneck"):
            parts.append(f"m{self.mid_channels}")
        if self.kind in ("conv", "mbconv", "bottleneck", "max_pool"):
            parts += [f"k{self.kernel}", f"s{self.stride}"]
        if self.act != "none":
            parts.append(self.act)
        parts += [
            word for word, on in (("se", self.se), ("skip", self.skip), ("raw", self.has_raw_output)) if on
        ]
        return "-".join(parts)

    @property
    def has_raw_output(self) -> bool:
        """Whether the layer is a convolution without a batch norm."""
        return self.kind == "conv" and not self.norm

    @property
    def has_expansion(self) -> bool:
        """Whether the layer is an inverted residual that begins with a 1x1 expansion."""
        return self.kind == "mbconv" and self.expand != 1

    @property
    def has_shortcut(self) -> bool:
        """Whether the layer is a bottleneck whose input passes a convolution before it is added."""
        return self.kind == "bottleneck" and not self.skip

    @property
    def se_channels(self) -> int:
        """The channels within the squeeze-and-excitation; 0 without one."""
        return make_divisible(self.mid_channels // SE_REDUCTION) if self.se else 0

    @property
    def macs(self) -> int:
        """The multiply-accumulates for one image, of convolutions and matrix products alone."""
        in_pixels, out_pixels = self.in_size**2, self.out_size**2
        if self.kind == "conv":
            return self.in_channels * self.out_channels * self.kernel**2 * out_pixels
        if self.kind == "linear":
            return self.in_channels * self.out_channels
        if self.kind in ("pool", "max_pool"):
            return 0
        if self.kind == "bottleneck":
            reduction = self.in_channels * self.mid_channels * in_pixels
            spatial = self.mid_channels**2 * self.kernel**2 * out_pixels
            shortcut = self.in_channels * self.out_channels * out_pixels if self.has_shortcut else 0
            return reduction + spatial + self.mid_channels * self.out_channels * out_pixels + shortcut
        expansion = self.in_channels * self.mid_channels * in_pixels if self.has_expansion else 0
        depthwise = self.mid_channels * self.kernel**2 * out_pixels
        excitation = 2 * self.mid_channels * self.se_channels
        projection = self.mid_channels * self.out_channels * out_pixels
        return expansion + depthwise + excitation + projection

    @property
    def params(self) -> int:
        """The trained numbers: weights, biases, and the scale and shift of batch norm."""
        if self.kind in ("conv", "linear"):
            weights = self.in_channels * self.out_channels * self.kernel**2
            return weights + self.out_channels * (2 * (self.norm and self.kind == "conv") + self.bias)
        if self.kind in ("pool", "max_pool"):
            return 0
        if self.kind == "bottleneck":
            mid, out = self.mid_channels, self.out_channels
            shortcut = out * (self.in_channels + 2) if self.has_shortcut else 0
            return (
                mid * (self.in_channels + 2) + mid * (mid * self.kernel**2 + 2) + out * (mid + 2) + shortcut
            )
        mid, se = self.mid_channels, self.se_channels
        expansion = mid * (self.in_channels + 2) if self.has_expansion else 0
        depthwise = mid * (self.kernel**2 + 2)
        excitation = 2 * mid * se + mid + se if self.se else 0
        projection = self.out_channels * (mid + 2)
        return expansion + depthwise + excitation + projection
