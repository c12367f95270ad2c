"""The renderer of the generated façades: a layout and a style in, a picture of a toy house out.

``layout`` plans a house as boxes, ``render`` photographs it in a style, ``details`` adds what is
seen above 64 px, and ``tools`` has the arithmetic. It needs numpy alone, and its pictures are the
same, bit for bit, on every machine.
"""
