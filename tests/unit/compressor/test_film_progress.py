"""How far the whole is, from how far its steps are."""

from __future__ import annotations

from hypothesis import given, strategies as st

from services.compressor.films.progress import only_forward, part


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 200)), max_size=20))
def test_progress_never_goes_back_and_stays_within_its_step(
    steps: list[tuple[float, float, float]],
) -> None:
    heard: list[float] = []
    told = only_forward(heard.append)
    for begin, end, frames in steps:
        part(told, min(begin, end), max(begin, end), 100)(frames)
    assert heard == sorted(set(heard))
    assert all(0 < done <= 1 for done in heard)


def test_a_step_of_no_frames_is_told_as_done() -> None:
    heard: list[float] = []
    part(heard.append, 0.2, 0.4, 0)(3)
    assert heard == [0.4]
