"""What a tagger has to beat: the most frequent label of each symbol, and a regression."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from ...text.tagforms import Tokens

Row = tuple[Tokens, Sequence[int]]  # tokens, and the positions of their labels

WORK = 5e6  # symbols times labels: a regression on more takes longer than the network


def most_frequent(train: Sequence[Row], test: Sequence[Tokens]) -> list[list[int]]:
    """The label that each symbol has most often in training; of an unseen one the commonest."""
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for tokens, labels in train:
        for token, label in zip(tokens, labels, strict=True):
            counts[token][label] += 1
    total = Counter(label for _, labels in train for label in labels)
    commonest = total.most_common(1)[0][0]
    best = {token: count.most_common(1)[0][0] for token, count in counts.items()}
    return [[best.get(token, commonest) for token in tokens] for tokens in test]


def regression(
    train: Sequence[Row], test: Sequence[Tokens], classes: int
) -> list[list[int]] | None:
    """A logistic regression on a window of features; None without scikit-learn, or if too large."""
    if sum(len(tokens) for tokens, _ in train) * classes > WORK:
        return None
    try:
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
    except ImportError:
        return None
    labels = [label for _, row in train for label in row]
    if len(set(labels)) < 2:
        return None
    model: Any = make_pipeline(DictVectorizer(), LogisticRegression(C=10, max_iter=100, tol=1e-3))
    model.fit([f for tokens, _ in train for f in features(tokens)], labels)
    predicted = iter(model.predict([f for tokens in test for f in features(tokens)]).tolist())
    return [[next(predicted) for _ in tokens] for tokens in test]


def features(tokens: Tokens) -> Iterator[dict[str, Any]]:
    """Of each symbol what is around it, and of a word its case, digits and ends."""
    reach = 3 if isinstance(tokens, str) else 2
    for i, token in enumerate(tokens):
        found: dict[str, Any] = {}
        for step in range(-reach, reach + 1):
            there = tokens[i + step] if 0 <= i + step < len(tokens) else ""
            found[f"{step}"] = there
            if step in (-1, 0) and i + step >= 0 and i + step + 1 < len(tokens):
                found[f"{step}+1"] = f"{there} {tokens[i + step + 1]}"
        if not isinstance(tokens, str):
            found |= {"ends": token[-3:], "last 2": token[-2:], "begins": token[:3],
                      "title": token.istitle(), "upper": token.isupper(),
                      "digit": any(map(str.isdigit, token))}  # fmt: skip
        yield found
