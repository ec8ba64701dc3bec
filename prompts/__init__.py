"""Words: one Markdown file with slots a message. Start at render.py."""
