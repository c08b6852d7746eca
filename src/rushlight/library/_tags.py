"""Notes that a definition may carry; programs read them, calls do not."""

from __future__ import annotations

import enum


class Tag(enum.Enum):
    """A note about an operator, as `torch.Tag`."""

    core = 0
    cudagraph_unsafe = 1
    data_dependent_output = 2
    dynamic_output_shape = 3
    flexible_layout = 4
    generated = 5
    inplace_view = 6
    maybe_aliasing_or_mutating = 7
    needs_contiguous_strides = 8
    needs_exact_strides = 9
    needs_fixed_stride_order = 10
    nondeterministic_bitwise = 11
    nondeterministic_seeded = 12
    out_variant = 13
    pointwise = 14
    pt2_compliant_tag = 15
    reduction = 16
    view_copy = 17

    def __repr__(self) -> str:
        return f"<Tag.{self.name}: {self.value}>"


def as_tags(tags: Tag | tuple[Tag, ...] | list[Tag] | None) -> list[Tag]:
    """Return the tags that a user gave, as a list."""
    if tags is None:
        return []
    return [tags] if isinstance(tags, Tag) else list(tags)
