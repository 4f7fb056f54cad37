"""How an answer of a model is proved before anything of it is used."""
