"""Processes of this machine: started, watched and ended by pid."""
