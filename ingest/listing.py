"""The assets of the simulated market: names, price levels, volatilities."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Price levels of mid 2024, rounded; no forecast and no advice. By turnover, highest first.
_LEVELS: Final = (
    ("BTCUSDT", 64_000.0),
    ("ETHUSDT", 3_400.0),
    ("SOLUSDT", 145.0),
    ("XRPUSDT", 0.52),
    ("DOGEUSDT", 0.12),
    ("BNBUSDT", 580.0),
    ("ADAUSDT", 0.44),
    ("AVAXUSDT", 31.0),
    ("LINKUSDT", 14.2),
    ("DOTUSDT", 6.3),
    ("LTCUSDT", 78.0),
    ("BCHUSDT", 390.0),
    ("NEARUSDT", 5.6),
    ("UNIUSDT", 9.4),
    ("TRXUSDT", 0.118),
    ("ATOMUSDT", 7.1),
    ("ETCUSDT", 24.0),
    ("FILUSDT", 4.7),
    ("APTUSDT", 7.5),
    ("XLMUSDT", 0.095),
    ("ARBUSDT", 0.85),
    ("OPUSDT", 1.9),
    ("INJUSDT", 24.0),
    ("AAVEUSDT", 92.0),
    ("MATICUSDT", 0.59),
    ("ALGOUSDT", 0.15),
    ("XTZUSDT", 0.81),
    ("NEOUSDT", 12.4),
    ("EOSUSDT", 0.61),
    ("XMRUSDT", 168.0),
)
_YEAR_S: Final = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Listing:
    """What is known of each asset before trading begins, by asset.

    Attributes
    ----------
    symbols
        Names.
    prices
        float64[n], first prices in quote units.
    price_scale
        float64[n]: 1 / tick size, a power of ten that leaves six significant digits.
    beta
        float64[n], loading on the market factor.
    own_volatility
        float64[n], of the part that is not the market's, for one second.
    half_spread
        float64[n], half the bid-ask spread over the price.
    activity
        float64[n], share of all ticks.
    """

    symbols: tuple[str, ...]
    prices: NDArray[np.float64]
    price_scale: NDArray[np.float64]
    beta: NDArray[np.float64]
    own_volatility: NDArray[np.float64]
    half_spread: NDArray[np.float64]
    activity: NDArray[np.float64]


def listing(n_assets: int) -> Listing:
    """List assets; beyond the thirtieth they are called ``SIM031USDT`` and so on."""
    rank = np.arange(n_assets, dtype=np.float64)
    known = min(n_assets, len(_LEVELS))
    symbols = [symbol for symbol, _ in _LEVELS[:known]]
    symbols += [f"SIM{i + 1:03d}USDT" for i in range(known, n_assets)]
    prices = np.array([level for _, level in _LEVELS[:known]] + [1.0] * (n_assets - known))
    # Levels between 0.1 and 100 that repeat every seventh asset.
    prices[known:] = 10.0 ** ((rank[known:] % 7) / 2.0 - 1.0)
    spread = np.minimum(rank / 30.0, 1.0)
    activity = 1.0 / (1.0 + rank) ** 0.7
    return Listing(
        symbols=tuple(symbols),
        prices=prices,
        price_scale=10.0 ** (5 - np.floor(np.log10(prices))),
        beta=0.8 + 0.6 * ((rank * 5) % 11) / 11.0,
        # 25 % a year for the first asset, 75 % for small ones.
        own_volatility=(0.25 + 0.5 * spread) / np.sqrt(_YEAR_S),
        # 0.1 to 1.5 basis points.
        half_spread=(0.1 + 1.4 * spread) * 1e-4,
        activity=activity / activity.sum(),
    )
