"""Who manages which field: shapes of objects, sets of fields, server-side apply."""
