"""The page people look at: laid out here once, drawn by the browser from the event stream."""
