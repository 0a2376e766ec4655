"""What messages are made of: each kind of unit stays whole and comes with what it needs."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrrc.digest import blocks
from lrrc.digest.segments import split_segments


def needed(pieces, i):
    return [pieces[i + distance].text for distance in pieces[i].needs]


def find(pieces, text):
    return next(i for i, piece in enumerate(pieces) if text in piece.text)


def kinds(text):
    return [block.kind for block in blocks.blocks_of(text)]


CODE = """def late(loans, today):
    # nobody is fined twice
    found = []
    for loan in loans:
        if loan.due >= today or loan.fined:
            continue
        found.append(loan)

    return found


print(late(LOANS, 12))"""


@pytest.mark.parametrize("fence", ["```python\n{}\n```", "~~~\n{}\n~~~", "{}"])
def test_code_keeps_its_lines_and_indentation(fence):
    text = f"Here it is:\n\n{fence.format(CODE)}\n\nIt is short. Is it not?"
    pieces = split_segments(text, 40)
    assert [piece.text for piece in pieces if not piece.frame][0] == "Here it is:"
    assert [piece.text for piece in pieces][-2:] == ["It is short.", "Is it not?"]
    lines = [line for piece in pieces for line in piece.text.split("\n")]
    assert [line for line in CODE.split("\n") if line] == [line for line in lines if line and line in CODE]
    inside = find(pieces, "found.append")
    assert needed(pieces, inside) == ([] if fence == "{}" else [fence.split("\n")[0], fence.split("\n")[-1]])


def test_an_open_fence_runs_to_the_end():
    pieces = split_segments("```\nrm -rf build\nmake. all")
    assert [(piece.text, piece.frame) for piece in pieces] == [("```", True), ("rm -rf build\nmake. all", False)]


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        ("| Tool | Price | Stock |\n|---|---|---|", ["| saw | 31 | 4 |", "| plane | 88 | 0 |", "| awl | 6 | 17 |"]),
        ("Tool | Price\n--- | ---", ["saw | 31", "plane | 88", "awl | 6"]),
        ("tool,price,stock", ["saw,31,4", "plane,88,0", "awl,6,17"]),
        ("tool\tprice", ["saw\t31", "plane\t88", "awl\t6"]),
        (
            "NAME     READY   STATUS",
            ["saw-7f   1/1     Running", "plane    0/1     Failed", "awl-99   1/1     Running"],
        ),
    ],
)
def test_a_row_comes_with_the_head_of_its_table(head, rows):
    pieces = split_segments("These are left.\n" + head + "\n" + "\n".join(rows) + "\nThat is all.")
    assert [piece.text for piece in pieces] == ["These are left.", head, *rows, "That is all."]
    assert all(needed(pieces, i) == [head] for i in range(2, 5))
    assert [piece.frame for piece in pieces] == [False, True, False, False, False, False]


PYTHON = """Traceback (most recent call last):
  File "/app/run.py", line 9, in <module>
    main()
  File "/app/load.py", line 31, in main
    raise ValueError(row)
ValueError: row 77 has no date"""
JAVA = """java.lang.IllegalStateException: queue 5 is full
    at org.mill.Queue.push(Queue.java:41)
    at org.mill.Main.main(Main.java:7)"""
NODE = """TypeError: Cannot read properties of undefined (reading 'due')
    at fine (/srv/loans.js:12:9)
    at async run (/srv/main.js:3:1)"""


@pytest.mark.parametrize(("trace", "frame"), [(PYTHON, "load.py"), (JAVA, "Queue.java"), (NODE, "loans.js")])
def test_a_frame_comes_with_the_error(trace, frame):
    pieces = split_segments(f"It broke. See:\n{trace}\n\nWhat now? I do not know.")
    error = next(line for line in trace.split("\n") if "Error: " in line or "Exception: " in line)
    assert needed(pieces, find(pieces, frame)) == [error]
    assert error in [piece.text for piece in pieces] and "What now?" in [piece.text for piece in pieces]


def test_lines_of_a_log_stay_whole():
    log = ["2031-04-02 10:11:12 INFO Started. Port 80.", "2031-04-02 10:11:13 ERROR Disk full. Stop!"]
    assert [piece.text for piece in split_segments("\n".join(log))] == log


RECORDS = [{"id": i, "name": f"mill {i}", "tags": ["a", "b"], "open": i % 2 == 0} for i in range(30)]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("wrap", ["{}", "Result: {} as asked.", "```json\n{}\n```"])
def test_json_is_cut_between_values(indent, wrap):
    separators = (",", ":") if indent is None else None
    text = wrap.format(json.dumps({"day": "Monday", "mills": RECORDS}, indent=indent, separators=separators))
    pieces = split_segments(text, 90)
    i = next(i for i, piece in enumerate(pieces) if '"mill 17"' in piece.text)
    record = json.loads(pieces[i].text.rstrip("`").strip().rstrip(","))
    assert record == RECORDS[17]
    assert any('"mills"' in text for text in needed(pieces, i))
    assert "day" in pieces[find(pieces, "Monday")].text


def test_json_that_was_cut_off_and_literals_of_python():
    text = json.dumps({"mills": RECORDS})[:700]
    pieces = split_segments(text, 60)
    assert any(json.loads(piece.text.rstrip(",")) == RECORDS[3] for piece in pieces if '"mill 3"' in piece.text)
    pieces = split_segments(str({"mills": RECORDS, "none": None}), 60)
    assert str(RECORDS[5]) in [piece.text.rstrip(",") for piece in pieces]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner, max_size=6),
    max_leaves=40,
)


@settings(deadline=None, max_examples=150)
@given(values, st.sampled_from([None, 1]), st.booleans())
def test_any_json_in_pieces_is_all_of_it(value, indent, ascii_only):
    text = json.dumps({"first": 1, "second": [value] * 4, "third": "x" * 20}, indent=indent, ensure_ascii=ascii_only)
    pieces = split_segments(text, 150)
    assert "".join("".join(piece.text for piece in pieces).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "We met, talked, and left.\nIt rained, thundered, and cleared.\nI read, slept, and ate.",
        "Dear Ida,\n\nthe boat is sold; the mast is not.\nWrite soon (or call).\n\nYours",
        "- milk\n- bread (two)\n- no eggs\n\n1. Open it.\n2. Do not shake it.",
        "He said [1] that it works {mostly} and left.\nSee [2, 3] for more.",
        "Error handling is hard.\nFile names are not.\nat noon we ate",
    ],
)
def test_prose_is_prose(text):
    assert kinds(text) == [blocks.PROSE]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            ["```", "```py", "x = 1", "    y()", "| a | b |", "|---|---|", "a,b,c", "1,2,3", '  File "f", line 1, in g',
             "    h(x)", "KeyError: 3", '{"a": [1, {"b": "c"}],', '"d": 2}', "2031-01-01 10:00 up", "So it is.", ""]
        ),
        max_size=14,
    ).map("\n".join)
)  # fmt: skip
def test_any_mixture_is_covered_and_needs_what_is_there(text):
    pieces = split_segments(text, 30)
    assert "".join("".join(piece.text for piece in pieces).split()) == "".join(text.split())
    for i, piece in enumerate(pieces):
        assert all(0 <= i + distance < len(pieces) and distance for distance in piece.needs)
        assert not piece.frame or any(i in (j + d for d in other.needs) for j, other in enumerate(pieces))


def test_sentences_among_addresses_and_markup_are_kept():
    address = "https://depot.example/en/archive/2031/04/list-of-parts-and-prices.html?sort=price&page={}"
    talk = " ".join(f"Part {i} is out of stock. See {address.format(i)} for others." for i in range(9))
    assert "Part 4 is out of stock." in [piece.text for piece in split_segments(talk)]
    page = "".join(f'<p class="note-{i}"><b>Peas&nbsp;are&nbsp;green</b></p>Peas are green. ' for i in range(9))
    assert any("Peas are green." in piece.text for piece in split_segments(page))
    script = "var " + ";".join(f"a{i}=function(b,c){{return(b+c)*{i}}}" for i in range(60)) + ";"
    assert not any("function" in piece.text for piece in split_segments(script))


PARCELS = "".join(
    f'<parcel id="{i}"><weight>{i * 7}</weight><route>R{i % 5}</route><note>On foot. Do not bend.</note></parcel>'
    for i in range(40)
)
STYLE = "<style>" + "".join(f".c{i}{{margin:{i}px}}" for i in range(90)) + "</style>"


@pytest.mark.parametrize(
    ("page", "wanted"),
    [
        (f"<?xml version='1.0'?><parcels>{PARCELS}</parcels>", '<parcel id="17"><weight>119</weight>'),
        ("".join(f'<row no="{i}" state="{i % 3}"/>' for i in range(60)), '<row no="31" state="1"/>'),
        (
            f"<html><head>{STYLE}</head><body>{'<div><b>Oar</b></div>' * 30}<p>The mill opens at ten.</p><hr>"
            f"<script>var x = 1 < 2 && '</b>';</script>{'<li>rope' * 20}</body></html>",
            "<p>The mill opens at ten.</p>",
        ),
    ],
)
def test_markup_in_one_line_is_cut_between_elements(page, wanted):
    pieces = [piece.text for piece in split_segments(f"Here it is:\n{page}\nThat was all.", 60)]
    assert pieces[0] == "Here it is:" and pieces[-1] == "That was all."
    (found,) = [piece for piece in pieces if wanted in piece]
    assert found.startswith(wanted) and found.count("<parcel") + found.count("<row") + found.count("<p>") == 1
    assert not any("margin" in piece or "var x" in piece for piece in pieces)


def test_an_element_too_long_for_a_unit_is_cut_by_sentences():
    long = " ".join(f"Sheep {i} came by the ferry." for i in range(40))
    page = f"<div>{'<i>x</i>' * 9}<p>{long}</p></div>"
    assert "Sheep 31 came by the ferry." in [piece.text for piece in split_segments(page, 30)]
