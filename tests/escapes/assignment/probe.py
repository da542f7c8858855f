"""Fetches two answers, each by itself, so that one that breaks leaves the other."""

WATCH = ()


def describe(session):
    session.record("models", [session.described(trained, ("model",)) for trained in session.trained])


def answer(session, given):
    def doubled():
        session.record("doubled", session.call(session.namespace["answer"], {}, given["numbers"]))

    def logits():
        place = session.choose(("model",), 2)
        if place is not None:
            session.record("logits", session.outputs_of(session.trained[place], given["points"], live=False))

    for name, step in (("doubled", doubled), ("logits", logits)):
        try:
            step()
        except Exception as error:
            session.record(f"{name}_error", f"{type(error).__name__}: {error}"[:500])
