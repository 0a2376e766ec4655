"""Figures, each described once as data and drawn by one drawer for print and one for the page.

figure_list    all of them; paper_figures, live_figures, pareto and architecture describe them
plot           what a description is; printed draws it in print, interactive on the page
style          type, colours, files
gate_activity, cost_estimate
               pictures of notebooks and commands
"""
