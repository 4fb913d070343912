"""What an instructor shows: notebooks, slides and pictures. Nothing here judges an app."""
