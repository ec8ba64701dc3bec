"""A classifier cross-fitted on real rows, to say whether a made sample kept its label. Start at teacher.py."""
