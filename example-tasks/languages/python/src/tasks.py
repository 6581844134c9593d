"""Sections, sentences, words: how hard a text is to read, and what it is about."""

from taskhost_task import Err, log
from wit_world import exports
from wit_world.exports.tasks import Frequency, Level, Measures, Section

import english
import table


class Tasks(exports.Tasks):
    def split(self, text: str) -> list[Section]:
        sections: list[Section] = []
        for line in text.splitlines():
            if line.startswith("# "):
                sections.append(Section(title=line.removeprefix("# ").strip(), text=""))
            elif sections:
                sections[-1].text += line + "\n"
        if not sections:
            raise Err("the text has no heading: no line begins with `# `")
        log.info(f"{len(sections)} sections")
        return sections

    def measure(self, section: Section) -> Measures:
        sentences = english.sentences(section.text)
        words = english.words(section.text)
        if not words:
            raise Err(f"the section `{section.title}` has no words")
        ease = english.reading_ease(words, len(sentences))
        return Measures(
            title=section.title,
            sentences=len(sentences),
            words=len(words),
            distinct=len(set(words)),
            words_per_sentence=len(words) / len(sentences),
            reading_ease=ease,
            level=Level.EASY if ease >= 80 else Level.PLAIN if ease >= 50 else Level.HARD,
            longest_sentence=max(sentences, key=lambda sentence: len(english.words(sentence))),
        )

    def frequent(self, text: str, most: int) -> list[Frequency]:
        counted = english.frequencies(text)
        return [Frequency(word=word, count=count) for word, count in counted[:most]]

    def report(self, sections: list[Measures], words: list[Frequency]) -> str:
        rows = [
            [
                section.title,
                str(section.sentences),
                str(section.words),
                f"{section.words_per_sentence:.1f}",
                f"{section.reading_ease:.0f}",
                section.level.name.lower(),
            ]
            for section in sections
        ]
        header = ["section", "sentences", "words", "words/sentence", "ease", "level"]
        about = ", ".join(f"{word.word} {word.count}" for word in words)
        return f"{table.text(header, rows)}\nmost frequent: {about}"
