"""Words as the search knows them: stems, so that word forms, case and ё make no difference."""

import re
from functools import lru_cache

import snowballstemmer

IDLE = frozenset(
    re.findall(
        r"\w+",
        """
    а без бы в во вы да для до его ее если есть же за и из или их к как когда кто ли мне мой мою моя мы
    на не ни но о об он она они от по почему при с со так то у уже что чтобы это я
    a an and are can do does for from how i in is it my not of on or the to what when where why with
    """,
    )
)
"""Words that tell nothing of what a text is about."""

_stemmers = {"ru": snowballstemmer.stemmer("russian"), "en": snowballstemmer.stemmer("english")}


def words_of(text: str) -> list[str]:
    """Small letters and digits, ё as е."""
    return re.findall(r"[^\W_]+", text.lower().replace("ё", "е"))


@lru_cache(maxsize=10_000)
def stem_of(word: str) -> str:
    """The stem of one of `words_of`."""
    language = "ru" if re.search("[а-я]", word) else "en"
    found: str = _stemmers[language].stemWord(word)
    return found


def telling_stems(query: str, most: int) -> list[str]:
    """Stems of a query, each once; idle words only where there are no others."""
    words = words_of(query)
    telling = [word for word in words if word not in IDLE] or words
    return list(dict.fromkeys(stem_of(word) for word in telling))[:most]
