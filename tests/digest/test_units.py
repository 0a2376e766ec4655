"""What messages are made of: each kind of unit stays whole and comes with what it needs."""

import base64
import binascii
import json
import random
import time

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


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        (["Ines Roth | 42 | Bern", "Paul Dorn | 17 | Graz", "Olga Lind | 23 | Turku"], "Ines Roth"),
        (["| oak | 31 |", "| elm | 88 |", "| ash | 6 |"], "oak"),
        (["Rolf;none;Bern", "Ida;17;Graz", "Ola;23;Turku"], "Rolf"),
        (["red\twool", "blue\tsilk", "green\tlinen"], "red"),
        (["saw-7f   one     Running", "plane    two     Failed", "awl-99   three   Waiting"], "saw-7f"),
        (["2031,2032,2033", "7,8,9", "4,5,6"], "2031"),  # perhaps a head, perhaps not
    ],
)
def test_a_first_row_that_may_be_data_can_be_chosen_and_serves_as_head(rows, first):
    pieces = split_segments("This is what we have.\n" + "\n".join(rows) + "\nThat is all.")
    assert [piece.text for piece in pieces if not piece.frame] == ["This is what we have.", *rows, "That is all."]
    assert [needed(pieces, i) for i in (1, 2, 3)] == [[], [rows[0]], [rows[0]]]


@pytest.mark.parametrize(
    "text",
    [
        "Monday: oats, rye, barley, peas\nTuesday: nails, rope, tar, paint\nFriday: salt, oil, soap, wicks",
        "Oats, rye, barley, and peas\nNails, rope, tar, and paint\nSalt, oil, soap, and wicks",
        "- oats, rye, barley, peas\n- nails, rope, tar, paint\n- salt, oil, soap, wicks",
        "1) oats; rye; barley; peas\n2) nails; rope; tar; paint\n3) salt; oil; soap; wicks",
        "Never do these:\n- sell the mast;\n- paint the hull;\n- lend the oars;",
    ],
)
def test_what_is_listed_in_lines_is_no_table_and_no_code(text):
    assert kinds(text) == [blocks.PROSE]
    assert [piece.text for piece in split_segments(text)] == text.split("\n")


def test_a_head_without_bars_at_its_ends_belongs_to_the_rows_below():
    head, rows = "Boat|Berth|Mast", ["| Tern | 4 | 12 m |", "| Gull | 9 | 15 m |"]
    pieces = split_segments("\n".join([head, *rows]))
    assert [piece.text for piece in pieces] == [head, *rows] and needed(pieces, 2) == [head] and pieces[0].frame


@pytest.mark.parametrize("colon", [":", "：", ":**", ":_"])
@pytest.mark.parametrize("marks", ["--", "**", ("1.", "2."), ("(a)", "(b)"), "••", "・・", ("一、", "二、")])
@pytest.mark.parametrize("gap", ["\n", "\n\n", "\r\n"])
def test_an_item_comes_with_the_line_that_opens_its_list(colon, marks, gap):
    opening = f"{colon[1:]}Under no circumstances{colon}"
    items = [f"{mark} {what}" for mark, what in zip(marks, ["feed the swans", "moor at the weir"], strict=True)]
    text = f"It rained. We met.\n\n{opening}{gap}{gap.join(items)}\n\nThat was agreed. Bye."
    pieces = split_segments(text)
    assert [piece.text for piece in pieces] == ["It rained.", "We met.", opening, *items, "That was agreed.", "Bye."]
    assert [needed(pieces, i) for i in range(7)] == [[], [], [], [opening], [opening], [], []]
    assert not any(piece.frame for piece in pieces)  # the line says something by itself, too


def test_nested_items_come_with_the_item_above_that_opens_their_list():
    text = """The keeper said much. On the island
these stay shut:
1. the gate:
   - at night. Even in June.
   - in storms, when the
     waves are high
2. the shed
3. the tower:
\t* for guests

Bring along:
- bread
- rope"""
    pieces, island = split_segments(text), ["On the island", "these stay shut:"]
    assert needed(pieces, find(pieces, "the gate")) == island
    for inside in ("at night", "Even in June", "in storms", "waves"):
        assert needed(pieces, find(pieces, inside)) == [*island, "1. the gate:"]
    assert needed(pieces, find(pieces, "shed")) == island
    assert needed(pieces, find(pieces, "guests")) == [*island, "3. the tower:"]
    assert needed(pieces, find(pieces, "rope")) == ["Bring along:"]


def test_marks_of_another_kind_nest_without_indentation():
    pieces = split_segments("1. Welcome:\n- dogs\n- cats\n2. Not welcome:\n- geese\n- goats")
    assert needed(pieces, find(pieces, "cats")) == ["1. Welcome:"]
    assert needed(pieces, find(pieces, "goats")) == ["2. Not welcome:"]


@pytest.mark.parametrize(
    "text",
    [
        "- geese\n- goats\n\nThe mill: it stands.\n\n- sheep",
        "Note: all is well.\n- geese\n- goats",
        "He asked:\nWhere is it?\n- geese",
        "All of us met at the weir at 10:30\n- geese",
        "Where to?\n- geese",
        "Boats\n\n- geese",
        "He came. Boats\n- geese",
    ],
)
def test_a_list_that_no_line_opens_needs_none(text):
    assert not any(piece.needs for piece in split_segments(text))


@pytest.mark.parametrize(
    ("heads", "gap"),
    [
        (("### Swans", "### Geese"), "\n\n"),
        (("## The swans. All of them", "## The geese"), "\n"),
        (("**Always**", "**Never, ever!**"), "\n"),
        (("__Always__", "__Never__"), "\n\n"),
        (("***Always***", "***Never***"), "\r\n"),
        (("Always, in all weathers", "Never"), "\n"),
        (("> # Always", "> # Never"), "\n"),
    ],
)
def test_an_item_comes_with_the_heading_of_its_list(heads, gap):
    lists = [["- feed them corn", "- count them"], ["- feed them bread", "- chase them", "- lend them"]]
    text = "It rained.\n\n" + "\n\n".join(
        head + gap + "\n".join(items) for head, items in zip(heads, lists, strict=True)
    )
    pieces = split_segments(f"{text}\n\nThat was agreed. Bye.")
    for head, items in zip(heads, lists, strict=True):
        assert all(" ".join(needed(pieces, find(pieces, item))) == head for item in items)
    assert not any(piece.needs for piece in pieces if "- " not in piece.text)
    assert not any(piece.frame for piece in pieces)


def test_items_stand_below_two_headings_at_most_and_paragraphs_need_none():
    text = """# The harbour

## Berths

They are few.

- for the Tern
- for the Gull

### In winter

Open to:
- the Smew

**By night**
- lamps
- bells

The end of this.

- ropes

## Tolls
- a mark a day"""
    pieces = split_segments(text)
    wanted = {
        "They are few": [],
        "the Gull": ["# The harbour", "## Berths"],
        "the Smew": ["## Berths", "### In winter", "Open to:"],
        "bells": ["### In winter", "**By night**"],
        "The end": [],
        "ropes": ["## Berths", "### In winter"],
        "a mark": ["# The harbour", "## Tolls"],
    }
    for part, needs in wanted.items():
        assert needed(pieces, find(pieces, part)) == needs


def test_items_further_right_come_with_the_short_item_above():
    pieces = split_segments("- **Swans**\n  - no bread\n  - corn\n- Geese\n  - no corn\n- It was a long day.\n  - rain")
    assert needed(pieces, find(pieces, "- corn")) == ["- **Swans**"]
    assert needed(pieces, find(pieces, "no corn")) == ["- Geese"]
    assert needed(pieces, find(pieces, "Geese")) == needed(pieces, find(pieces, "rain")) == []


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        ("+------+------+\n| boat | mast |\n+------+------+", ["| Tern | 12   |", "| Gull | 15   |"]),
        ("+------+------+\n| boat | port |\n+======+======+", ["| Tern | Bern |", "| Gull | Graz |"]),
        ("+------+\n| boat |\n+------+", ["| Tern |", "| Gull |"]),
        (" boat | mast | crew \n------+------+------", [" Tern |   12 |    3", " Gull |   15 |    4"]),
        (" boat | mast\n------+------", [" Tern |   12", " Gull |   15"]),
    ],
)
def test_the_row_above_a_rule_of_a_database_is_the_head(head, rows):
    rule = [head.split("\n")[0]] if head.startswith("+") else []
    pieces = split_segments("\n".join(["This is left.", "", head, *rows, *rule, "", "(2 rows)"]))
    shown = [row.strip() for row in rows]
    assert [piece.text for piece in pieces] == ["This is left.", head.strip(), *shown, *rule, "(2 rows)"]
    assert [needed(pieces, find(pieces, row)) for row in shown] == [[head.strip()]] * 2
    assert [piece.text for piece in pieces if piece.frame] == [head.strip()]


def test_rules_between_and_around_rows_are_no_heads():
    grid = "+---+---+\n| a | b |\n+===+===+\n| x | 2 |\n+---+---+\n| y | 3 |\n+---+---+"
    pieces = split_segments(grid)
    assert needed(pieces, find(pieces, "y")) == ["+---+---+\n| a | b |\n+===+===+"]
    pieces = split_segments("+------+----+\n| Tern | 12 |\n| Gull | 15 |\n+------+----+")
    assert not any(piece.frame for piece in pieces)
    assert kinds("a + b\n+-+\nc - d") == kinds("We met | we left\n+++\n---") == [blocks.PROSE]


@pytest.mark.parametrize(
    "rows",
    [
        ["drwxr-xr-x  2 ida  crew   4096 Nov 30 15:56 sails", "-rw-r--r--  1 ola  mill  17221 Dec  1 09:33 weir.py",
         "-rw-------  1 rolf crew     21 Dec  3 11:20 toll.c"],
        ["\tmodified:   sails/jib.py", "\tdeleted:    sails/main.py", "\tnew file:   weir.c"],
        ["saw-7f   1/1     Running", "plane    0/1     Failed", "awl-99   1/1     Running"],
        ["Tern\tgreen\tmoored", "Gull\tred\tmoored", "Smew\tblue\tat sea"],
    ],
)  # fmt: skip
def test_rows_below_one_that_is_no_head_need_none(rows):
    pieces = split_segments("This is what we have.\n\n" + "\n".join(rows))
    assert [piece.text for piece in pieces[1:]] == [row.strip() for row in rows]
    assert not any(piece.needs or piece.frame for piece in pieces)


CONNECT = """Traceback (most recent call last):
  File "/app/run.py", line 9, in <module>
    fetch(URL)
    ~~~~~^^^^^
  File "/app/net.py", line 31, in fetch
    raise ConnectTimeout(url)
boats.net.ConnectTimeout: no answer from buoy 7"""
EMPTY = """Traceback (most recent call last):
  File "/app/take.py", line 3, in take
    crates.get_nowait()
queue.Empty"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "sail.py", line 2, in <module>
  |     raise group
  | ExceptionGroup: two sails tore (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "hoist.py", line 1, in <module>
    |     hoist()
    | StopIteration
    +------------------------------------"""
RUST = """thread 'main' panicked at src/weir.rs:40:9:
called `Option::unwrap()` on a `None` value
stack backtrace:
   0: rust_begin_unwind
             at /rustc/abc/library/std/src/panicking.rs:645:5
   1: weir::open
             at ./src/weir.rs:40:9"""
OLD_RUST = """thread 'main' panicked at 'no sluice', src/weir.rs:40:9
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"""
GO = """panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.grind(0x5, {0xc000, 0x3})
\t/app/weir.go:12 +0x1d
main.main()
\t/app/main.go:7 +0x2a
exit status 2"""
GO_LOCK = """fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive]:
main.(*Lock).Wait(...)
\t/tmp/weir.go:5 +0x2d
created by main.main in goroutine 1
\t/tmp/main.go:9 +0x11"""
REJECTED = """org.weir.GateRefused: water too high
\tat org.weir.Gate.open(Gate.java:41)
\tat org.weir.Main.main(Main.java:7)
Caused by: org.weir.Flooded: level 4
\tat org.weir.Level.read(Level.java:9)
\t... 2 more"""
ASSERTED = """AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:

1 !== 2

    at Object.<anonymous> (/srv/weir.js:3:8)
    at node:internal/main:22:47"""
DECLINED = """TollDeclined: card expired
    at charge (/srv/weir.js:10:3)"""
SHARP = """Unhandled exception. Weir.Overflow: basin full
   at Weir.Basin.Fill(Int32 litres) in /src/weir.cs:line 4
   at Weir.Program.Main() in /src/Program.cs:line 41"""
RUBY = """weir.rb:7:in `divide': divided by 0 (ZeroDivisionError)
\tfrom lock.rb:11:in `block in main'"""
RAILS = """ActiveRecord::RecordNotFound (Couldn't find Boat with 'id'=7):

app/models/weir.rb:7:in `find'
app/controllers/locks.rb:17:in `show'"""
PHP = """PHP Fatal error:  Uncaught Weir\\Overflow: basin full in /app/lock.php:3
Stack trace:
#0 /app/weir.php(7): fill()
#1 {main}
  thrown in /app/lock.php on line 3"""


@pytest.mark.parametrize("wrap", ["It broke. See:\n{}\n\nWhat now? I do not know.", "```\n{}\n```"])
@pytest.mark.parametrize(
    ("trace", "frame", "error"),
    [
        (CONNECT, "net.py", "boats.net.ConnectTimeout: no answer from buoy 7"),
        (EMPTY, "take.py", "queue.Empty"),
        (f"{CONNECT}\n\nDuring handling of the above exception, another exception occurred:\n\n{EMPTY}", "take.py",
         "queue.Empty"),
        (GROUP, "sail.py", "  | ExceptionGroup: two sails tore (1 sub-exception)"),
        (GROUP, "hoist.py", "    | StopIteration"),
        (RUST, "./src/weir.rs", "\n".join(RUST.split("\n")[:2])),
        (OLD_RUST, "note: run", OLD_RUST.split("\n")[0]),
        (GO, "weir.go", GO.split("\n")[0]),
        (GO_LOCK, "weir.go", GO_LOCK.split("\n")[0]),
        (REJECTED, "Gate.java", "org.weir.GateRefused: water too high"),
        (REJECTED, "Level.java", "Caused by: org.weir.Flooded: level 4"),
        (ASSERTED, "weir.js", "\n".join(ASSERTED.split("\n")[:3])),
        (DECLINED, "weir.js", "TollDeclined: card expired"),
        (SHARP, "weir.cs", "Unhandled exception. Weir.Overflow: basin full"),
        (RUBY, "lock.rb", RUBY.split("\n")[0]),
        (RAILS, "weir.rb", RAILS.split("\n")[0]),
        (PHP, "weir.php", PHP.split("\n")[0]),
    ],
)  # fmt: skip
def test_a_frame_comes_with_its_error_whatever_that_is_called(wrap, trace, frame, error):
    pieces = split_segments(wrap.format(trace))
    assert [text for text in needed(pieces, find(pieces, frame)) if "```" not in text] == [error]
    assert [text for text in needed(pieces, find(pieces, error)) if "```" not in text] == []
    if "What now?" in wrap:
        assert [piece.text for piece in pieces][-2:] == ["What now?", "I do not know."]


def test_what_stands_behind_frames_without_an_error_is_prose():
    text = 'It said:\n  File "/app/run.py", line 9, in main\n    go()\nWhat now? I do not know.'
    assert kinds(text) == [blocks.PROSE, blocks.TRACE, blocks.PROSE]


RANDOM = random.Random(7)
DATA = bytes(RANDOM.randrange(256) for _ in range(300))
PLACES = [(i, DATA[i : i + 16]) for i in range(0, 288, 16)]
SHOWN = ["".join(chr(c) if 32 < c < 127 else "." for c in line) for _, line in PLACES]
FLOATS = [f"{RANDOM.uniform(-1, 1):.6f}" for _ in range(90)]
BLOBS = {
    "xxd": "\n".join(f"{i:08x}: {line.hex(' ', 2)}  {text}" for (i, line), text in zip(PLACES, SHOWN, strict=True)),
    "hexdump": "\n".join(
        f"{i:08x}  {line[:8].hex(' ')}  {line[8:].hex(' ')}  |{text}|"
        for (i, line), text in zip(PLACES, SHOWN, strict=True)
    ),
    "bytes": "\n".join(line.hex(" ").upper() for _, line in PLACES),
    "array": "\n".join("  " + ", ".join(f"0x{c:02x}" for c in line) + "," for _, line in PLACES),
    "escapes": '"' + "".join(f"\\x{c:02x}" for c in DATA[:90]) + '"',
    "vector": "[" + ", ".join(FLOATS) + "]",
    "matrix": "[[ " + "]\n [ ".join("  ".join(FLOATS[i : i + 6]) for i in range(0, 90, 6)) + "]]",
    "exponents": " ".join(f"{float(x):.8e}" for x in FLOATS),
    "base64": "\n".join(base64.b64encode(DATA).decode()[i : i + 36] for i in range(0, 400, 36)),
    "base64 of 28": "\n".join(base64.b64encode(DATA).decode()[i : i + 28] for i in range(0, 400, 28)),
    "uuencode": "".join(binascii.b2a_uu(DATA[i : i + 45]).decode() for i in range(0, 300, 45)) + "`\nend",
}


@pytest.mark.parametrize("name", BLOBS)
def test_bytes_and_vectors_are_in_no_segment(name):
    pieces = split_segments(f"The key of the lock is here.\n{BLOBS[name]}\nKeep it dry. Thanks.")
    assert [piece.text for piece in pieces if any(map(str.isalnum, piece.text))] == [
        "The key of the lock is here.", "Keep it dry.", "Thanks."
    ]  # fmt: skip


def test_what_stands_around_bytes_and_vectors_stays():
    record = {"name": "Tern", "about": "It is moored at the weir.", "embedding": [float(x) for x in FLOATS], "berth": 4}
    pieces = [piece.text for piece in split_segments(json.dumps({"boats": [record] * 2}, indent=1))]
    assert sum("moored" in piece for piece in pieces) == 2 == sum('"berth": 4' in piece for piece in pieces)
    assert not any("embedding" in piece or FLOATS[40] in piece for piece in pieces)
    code = f"static const uint8_t logo[] = {{\n{BLOBS['array']}\n}};\nint berth = 4;"
    assert [piece.text for piece in split_segments(code)] == ["static const uint8_t logo[] = {", "int berth = 4;"]
    curve = "c-4.41 0-8-3.59-8-8s3.59-8 8-8 8 3.59 8 8-3.59 8-8 8z" * 3
    drawing = f'<svg viewBox="0 0 9 9">\n  <path d="M12 2{curve}"/>\n  <text>Tern</text>\n</svg>'
    pieces = " ".join(piece.text for piece in split_segments(f"The logo:\n```\n{drawing}\n```"))
    assert "Tern" in pieces and "viewBox" in pieces and "3.59" not in pieces
    sentence = f"The buoy is at {BLOBS['vector']} of the space. It is red."
    assert [piece.text for piece in split_segments(sentence)] == ["The buoy is at", "of the space.", "It is red."]


@pytest.mark.parametrize(
    "text",
    [
        "depth,speed,angle\n" + "\n".join(",".join(FLOATS[i : i + 3]) for i in range(0, 60, 3)),
        "Tern 0.1234 0.5678\nGull 0.2345 0.6789\nSmew 0.3456 0.7891",
        "2019  1200  1300  1400  1500\n2020  1210  1310  1410  1510\n2021  1220  1320  1420  1520",
        "\n".join(f"{RANDOM.getrandbits(32):08x}-4ab1-4c3d-9e5f-{RANDOM.getrandbits(48):012x}" for _ in range(5)),
        "Set 0x40, then 0x41 and 0x42; read 0x10.",
        "very_long_name_of_a_function_for_boats\nsrc/harbour/berths/allocation/planner\nThanks",
        "We paid 4.50, 3.20, 7.10, 2.25, 3.75, 8.10, 4.95, 6.60, 7.30, 1.10, 2.20 and 3.30 marks.",
    ],
)
def test_numbers_and_names_that_say_something_stay(text):
    assert "".join("".join(piece.text for piece in split_segments(text)).split()) == "".join(text.split())


def test_time_grows_with_length_not_with_its_square():
    started = time.process_time()
    for text in (
        "Thus:\n" + "- a:\n" * 2_000,
        "Thus:\n" + "".join(" " * (i % 300) + "- a:\n" for i in range(2_000)),
        "a:\n" * 2_000,
        "Key:\n- a\n" * 10_000,
        "**Key**\n- a\n# B\n" * 5_000,
        "- a\n" + "  b:\n" * 5_000 + "  - c\n" * 5_000,
        ":" * 20_000 + "\n- a",
        "a:" + "\n" * 20_000 + "b",
        "a:\n" + " " * 20_000 + "b\n- c",
        "- a\n" + "It rained. " * 5_000,
        "**" * 20_000 + "\n- a",
        "+--+--+\n| a | b |\n" * 5_000,
        "+-" * 20_000 + "\n| a |",
        "| a | " + "/" * 20_000 + " |\n" + "| b | / |\n" * 3,
        "0x1, " * 20_000 + "x",
        "0.12345 " * 20_000 + "x",
        "." + "1" * 50_000,
        "(" * 5_000 + "0x" * 5_000,
        "\n00 " + "ab cd " * 20_000,
        "\n00000000: " + "abcd " * 20_000,
        "\nM" + "A" * 50_000,
        ("A1b" * 9 + "\n") * 2_000 + "-",
        ' d="M' + "1 " * 20_000,
        '  File "f", line 1\n    x\n' * 1_000,
        "Error: x\n" * 2_000 + "  at f(x)\n",
        "thread 'a' panicked at b:\n" * 1_000,
        "a, b, c\n" * 4_000,
        "a:1:in " * 5_000,
    ):
        split_segments(text)
    assert time.process_time() - started < 15


FAILED = """$ {tool} build
collecting 9 parts
Traceback (most recent call last):
  File "/opt/kiln/fire.py", line 40, in heat
    self.raise_to(limit)
KilnError: sensor 3 reads 1,410 degrees, above its limit of 1,300
{echo}"""


@pytest.mark.parametrize(
    ("tool", "echo"),
    [
        ("make", "make: *** [Makefile:12: build] Error 1"),
        ("make", "make[1]: *** [Makefile:12: glaze] Error 1\nmake: *** [Makefile:3: build] Error 2"),
        ("just", "error: Recipe `build` failed on line 4 with exit code 1"),
        ("git", "fatal: the hook failed"),
    ],
)
def test_that_something_failed_comes_with_what_failed(tool, echo):
    pieces = split_segments(FAILED.format(tool=tool, echo=echo))
    told = ["KilnError: sensor 3 reads 1,410 degrees, above its limit of 1,300"]
    assert all(needed(pieces, find(pieces, line)) == told for line in echo.split("\n"))
    assert needed(pieces, find(pieces, "collecting 9 parts")) == told


@pytest.mark.parametrize("announced", ["This is what I get:", "It broke here", "输出如下："])
@pytest.mark.parametrize("wrap", ["{}\n{}", "{}\n\n{}", "{}\n```\n{}\n```"])
def test_what_announces_a_trace_comes_with_its_error(announced, wrap):
    trace = 'Exception in thread "main" java.io.IOException: no ink left\n\tat press.Roll.turn(Roll.java:9)'
    pieces = split_segments(wrap.format(announced, trace))
    error = 'Exception in thread "main" java.io.IOException: no ink left'
    assert needed(pieces, find(pieces, announced)) == [error]


def test_a_sentence_before_a_trace_stands_by_itself():
    pieces = split_segments("The kiln is on floor two.\n" + FAILED.format(tool="make", echo="").split("parts\n")[1])
    assert needed(pieces, find(pieces, "The kiln is on floor two.")) == []
