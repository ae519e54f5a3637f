"""In place of a package that kopf loads where it finds it, and that the operator's image is without."""

raise ImportError("hidden, as in the operator's image")
