"""``heddle completion``: what a shell must know to complete our commands."""

import click
from click.shell_completion import get_completion_class

_INSTALL = {
    "bash": 'add to ~/.bashrc:  eval "$(heddle completion bash)"',
    "zsh": 'add to ~/.zshrc:  eval "$(heddle completion zsh)"',
    "fish": "save as ~/.config/fish/completions/heddle.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_INSTALL)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete commands, devices and flows.

    \b
    bash:  eval "$(heddle completion bash)"  in ~/.bashrc
    zsh:   eval "$(heddle completion zsh)"   in ~/.zshrc
    fish:  heddle completion fish > ~/.config/fish/completions/heddle.fish
    """
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 -- click knows these three
    script = found(ctx.find_root().command, {}, "heddle", "_HEDDLE_COMPLETE")
    click.echo(f"# {_INSTALL[shell]}\n{script.source()}")
