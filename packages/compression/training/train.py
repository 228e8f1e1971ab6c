#!/usr/bin/env python3
"""Makes the dictionaries again: train.py [DIRECTORY]. Needs python3 and libzstd 1.5.4 (Debian 12); ten seconds.

A dictionary in use never changes: what a changed corpus gives gets a new version in its name and a new codec id.
"""

import hashlib
import sys
from pathlib import Path

from corpus import Chance, LANGUAGES, Writer, lines, mail_header, phrases, sample
from dictionary import build

SEED = 20260210
VERSION = 1
#: Every fourth sentence stands in for the texts to come while the entropy tables are made.
HELD_BACK = 4


#: A line with more commas is a list of words, which nobody sends.
SENTENCE_COMMAS_MAX = 20


def held_back(index, line):
    return index % HELD_BACK == 0 and line.count(",") <= SENTENCE_COMMAS_MAX


def known_part(pool):
    return [line for index, line in enumerate(pool) if not held_back(index, line)]


def unknown_part(pool):
    return [line for index, line in enumerate(pool) if held_back(index, line)]


def filled(writer, pool, language="en"):
    return "\n".join(writer.fill(line, language) for line in pool) + "\n"


def headers(writer, language, count):
    return b"\n".join(mail_header(writer, language)[0] for _ in range(count))


def english(writer):
    """The farther from its end, the dearer a reference is: rare words first, phrases last."""
    pools = {name: lines(f"en-{name}") for name in ("stories", "mails", "texts")}
    common = " ".join(part for line in lines("en-phrases") for part in phrases(line))
    rare = " ".join(word for line in lines("en-words") for word in line.split() if len(word) > 3)
    frequent = "".join(filled(writer, pool) for pool in pools.values()) + common
    rare = " ".join(word for word in rare.split() if f" {word} " not in frequent)

    def content(part):
        text = rare + "\n" + "".join(filled(writer, part(pool)) for pool in pools.values()) + common + " "
        return text.encode()

    heads = headers(writer, "en", 24)
    stories, mails, texts = (unknown_part(pool) for pool in pools.values())
    samples = [sample(writer, 1, [texts, texts, mails], "en") for _ in range(600)]
    samples += [sample(writer, 0, [mails, stories, texts], "en") for _ in range(250)]
    return content(known_part) + heads, samples, content(list) + heads


def other(writer, language):
    pool = lines(language)
    heads = headers(writer, language, 6)
    borrowed = filled(writer, lines("en-texts")[::4]).encode()

    def content(part):
        return borrowed + heads + filled(writer, part, language).replace(", ", " ").encode()

    samples = [sample(writer, kind, [unknown_part(pool)], language) for kind in (1, 1, 1, 0) for _ in range(100)]
    return content(known_part(pool)), samples, content(pool)


def report(writer):
    pool = lines("reports")
    content = (filled(writer, pool) + filled(writer, pool)).encode()
    samples = [sample(writer, 1, [[writer.chance.pick(pool)]], "en") for _ in range(800)]
    return content, samples, content


def main(out):
    made = {"en": english(Writer(Chance(SEED))), "report": report(Writer(Chance(SEED)))}
    for language in LANGUAGES:
        made[language] = other(Writer(Chance(SEED)), language)
    for index, (kind, (known, samples, whole)) in enumerate(made.items()):
        codec = 2 + index
        data = build(known, samples, whole, codec)
        name = f"{kind}-{VERSION}"
        (out / f"{name}.dict").write_bytes(data)
        sys.stdout.write(f'  {{ codec: {codec}, name: "{name}", sha256: "{hashlib.sha256(data).hexdigest()}" }},\n')


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "dictionaries")
