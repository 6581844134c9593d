"""English text: its sentences, words and syllables. Rules of thumb, as good as a page of code can be."""

import re
from collections import Counter

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’)]*\s+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_VOWELS = re.compile(r"[aeiouy]+")

# Too frequent to say anything about a text.
_SMALL_WORDS = frozenset(
    """
    a about after again all an and any are as at be been before but by can cannot come comes could did do does down every for from goes had
    has have he her here him his how i if in into is it its itself like made makes many me more most much my no nobody not of off on one or
    other our out own same says she should so some somebody such than that the their them then there they this those through to too two under
    until up was we were what when where whether which who whom will with would you your
    """.split()
)


def sentences(text: str) -> list[str]:
    """The sentences of a text, each on one line."""
    found = (" ".join(sentence.split()) for sentence in _SENTENCE_END.split(text))
    return [sentence for sentence in found if _WORD.search(sentence)]


def words(text: str) -> list[str]:
    """The words of a text in lower case, in order."""
    return [word.casefold().replace("’", "'") for word in _WORD.findall(text)]


def frequencies(text: str) -> list[tuple[str, int]]:
    """How often each word occurs, small words left out; most frequent first, then by the alphabet."""
    counter = Counter(word for word in words(text) if word not in _SMALL_WORDS)
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def syllables(word: str) -> int:
    """Groups of vowels; an `e` at the end is silent."""
    count = len(_VOWELS.findall(word))
    if word.endswith("e") and not word.endswith(("le", "ee")):
        count -= 1
    return max(count, 1)


def reading_ease(words: list[str], sentence_count: int) -> float:
    """Rudolf Flesch's formula of 1948."""
    per_sentence = len(words) / sentence_count
    per_word = sum(map(syllables, words)) / len(words)
    return 206.835 - 1.015 * per_sentence - 84.6 * per_word
