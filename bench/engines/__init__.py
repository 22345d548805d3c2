"""Engines at the same decision, beside what a user would write instead."""
