"""Figures: `figure_list` names them all, `plot` is one as data, `printed` and `interactive` draw it."""
