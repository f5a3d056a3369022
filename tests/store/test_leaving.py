"""What goes out with a model names no folder of the machine that it was made on."""

from __future__ import annotations

import pytest

from elman.store.leaving import without_folders

COMMANDS = {
    "elman train": "elman train",
    "elman train poems.txt --minutes 5": "elman train poems.txt --minutes 5",
    "elman train /a/poems.txt -o out/m.safetensors": "elman train poems.txt -o m.safetensors",
    "elman train '/home/ada l/my poems.txt'": "elman train 'my poems.txt'",
    "elman train surnames/ ../more/": "elman train surnames more",
    "elman train x --output=/tmp/m.safetensors": "elman train x --output=m.safetensors",
    "elman train x -o/a/b/m.safetensors": "elman train x -om.safetensors",
    "elman train x '-o/a b/m 1.safetensors'": "elman train x '-om 1.safetensors'",
    "elman train x '--output=/a b/m.safetensors'": "elman train x --output=m.safetensors",
    "elman train a/b --separator /": "elman train b --separator /",
    "elman train a/b --separator=a/b": "elman train b --separator=a/b",
    "elman train /home/ada's": "elman train ada's",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_paths_of_a_command_are_cut_to_their_last_part(command):
    cut = without_folders({"command": command})["command"]
    if "'s" in command:  # no command of a shell
        assert "/home" not in cut
    else:
        assert cut == COMMANDS[command]


def test_names_of_the_corpus_too_and_nothing_else():
    summary = {"corpus": ["/home/ada/poems.txt", "b.txt", "texts/", "/"], "steps": 3}
    cut = without_folders(summary)
    assert cut == {"corpus": ["poems.txt", "b.txt", "texts", "/"], "steps": 3}
    assert summary["corpus"][0] == "/home/ada/poems.txt"
