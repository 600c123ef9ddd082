// placeholder to be replaced below
