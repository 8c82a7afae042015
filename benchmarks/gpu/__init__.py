"""What a GPU does for clipseek: measured in one command, part by part, each within its seconds.

work.py      a part at work: its device and sizes, its seconds, what it found and left out
contracts.py the contract tests that need a GPU
towers.py    pictures a second, beside what the chip could do
decoding.py  frames a second by the decoder of the chip
searching.py queries a second over many vectors, with recall
whole.py     videos a second, from files to a library
report.py    the table, and the JSON file
"""
