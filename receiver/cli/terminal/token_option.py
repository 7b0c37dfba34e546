"""The option `--token`: the bearer token of the commands that send."""

import unicodedata

import click


class Token(click.ParamType[str]):
    """The type of `--token`. A refused value is not printed."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return a token without the blanks and line breaks around it, which files leave there."""
        token = value.strip()
        if any(one.isspace() or unicodedata.category(one) in ("Cc", "Cf") for one in token):
            self.fail("one token is wanted, without blanks and control characters", param, ctx)
        return token


option = click.option(
    "--token",
    type=Token(),
    envvar="RECEIVER_TOKEN",
    help="Bearer token.  [default: RECEIVER_TOKEN, else that of `receiver up --demo`]",
)
