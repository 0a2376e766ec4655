"""Figures, for paper (matplotlib) and page (plotly)."""
