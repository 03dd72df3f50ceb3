"""Trains the segmentation network on images that are synthesised from label maps.

Needs PyTorch (``requirements/training.txt``); nothing of the running product imports it.
"""
