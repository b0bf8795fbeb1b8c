"""From a request in words and numbers to a config, or to a refusal that says what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trainers.data.synthetic.presets import PRESETS
from trainers.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainers.data.synthetic.config import SynthConfig

SIZE_MIN_PX, SIZE_MAX_PX = 32, 8192


def resolve_config(
    preset: str,
    *,
    size_px: int | None = None,
    bit_depth: int = 8,
    rates: Mapping[str, float | None] | None = None,
) -> SynthConfig:
    """Return a preset's config with what was asked for; `rates` names blank_rate and the like.

    Raises:
        DataError: unknown preset, or a size, a bit depth or rates that are out of range.

    """
    if preset not in PRESETS:
        known = ", ".join(sorted(PRESETS))
        raise DataError(f"Unknown preset {preset!r}: expected one of {known}.")
    if bit_depth not in (8, 16):
        raise DataError(f"Tiles have 8 or 16 bits, got {bit_depth}.")
    config = replace(PRESETS[preset], bit_depth=bit_depth)
    if size_px is not None:
        if not SIZE_MIN_PX <= size_px <= SIZE_MAX_PX:
            raise DataError(
                f"Tiles may be {SIZE_MIN_PX} to {SIZE_MAX_PX} pixels wide, got {size_px}."
            )
        config = config.resized(size_px)
    chosen = {name: rate for name, rate in (rates or {}).items() if rate is not None}
    if any(rate < 0 for rate in chosen.values()) or sum(chosen.values()) > 1:
        raise DataError(f"Rates are shares from 0 to 1 that add up to 1 at most, got {chosen}.")
    return with_rates(config, chosen)


def with_rates(config: SynthConfig, rates: Mapping[str, float]) -> SynthConfig:
    """Return the config, and all of its mixture, with other rates of empty tiles.

    A rate that was not asked for makes room where both together would exceed 1.
    """
    if not rates:
        return config
    both = {"blank_rate": config.blank_rate, "ghost_only_rate": config.ghost_only_rate, **rates}
    room = 1.0 - sum(rates.values())
    for name in both.keys() - rates.keys():
        both[name] = min(both[name], room)
    mixture = tuple((with_rates(part, rates), weight) for part, weight in config.mixture)
    blank, ghost_only = both["blank_rate"], both["ghost_only_rate"]
    return replace(config, mixture=mixture, blank_rate=blank, ghost_only_rate=ghost_only)
