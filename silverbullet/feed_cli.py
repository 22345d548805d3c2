"""The commands ``feed`` and ``feed-status``."""

import json
import sys
from pathlib import Path

import click

from silverbullet.asking import JSON
from silverbullet.options import Duration, given_settings, setting_options


@click.command()
@click.option("--venue", required=True, help="Exchange, by its name in ccxt: binance, kraken, ...")
@click.option("--symbols", required=True, help="By their names in ccxt: BTC/USDT,ETH/USDT.")
@click.option(
    "--kind",
    type=click.Choice(["trades", "quotes"]),
    default="trades",
    show_default=True,
    help="Prices of trades, or the mid of best bid and ask.",
)
@click.option(
    "--silence",
    "silence_s",
    type=Duration(),
    default="60s",
    show_default=True,
    help="A connection without a message for so long is made anew.",
)
@click.option(
    "--with-venue", is_flag=True, help="Write VENUE/SYMBOL, for a topic that several venues feed."
)
@click.option(
    "--venue-options",
    "options_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON file of ccxt's options for the venue: urls, hostname, proxies, timeout, options.",
)
@setting_options()
def feed(
    venue: str,
    symbols: str,
    kind: str,
    silence_s: float,
    with_venue: bool,
    options_path: Path | None,
) -> None:
    """Feed Kafka with live trades or quotes of an exchange."""
    settings = given_settings()
    from silverbullet.live_feeding import FeedWish, run_feed  # noqa: PLC0415 - takes 0.5 s

    names = [name.strip() for name in symbols.split(",") if name.strip()]
    wish = FeedWish(venue, names, kind, silence_s, with_venue, options_path)
    run_feed(settings, wish)


@click.command(name="feed-status")
@JSON
@setting_options()
def feed_status(as_json: bool) -> None:
    """Show what the live feeds told last; exit 1 where one is not live."""
    settings = given_settings()
    from silverbullet.live_feeding import look_at_feeds  # noqa: PLC0415 - as above

    feeds = look_at_feeds(settings)
    if as_json:
        click.echo(json.dumps([feed.told for feed in feeds]))
    else:
        for feed in feeds:
            click.echo(feed.line)
        if not feeds:
            click.echo("no feed has told anything: start one with `silverbullet feed`")
    sys.exit(0 if feeds and all(feed.is_live for feed in feeds) else 1)
