# /// attack
# tries = "puts terminal commands into outputs, errors and names: clear the screen, change the title, paste, links, characters that turn the reading direction or cannot be seen"
# held = "colours stay colours; everything else is made visible or dropped"
# exit = ["raised"]
# points = 5
# name = "\u001b[2J\u001b]0;owned\u0007Иван\u202eнавИ\u200b"
# ///
# %%
print("\x1b[2J\x1b[H\x1b]0;owned\x07\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07\x1b[31;1mred\x1b[0m\x1b]52;c;cm0gLXJmIH4=\x07")
print("a\u202eb\u2066c\u200bd\x00e\x07\x08\x7f\u2028" * 10)
print("\x1b[" + "9;" * 5000 + "m" + "\x1bP$q\"p\x1b\\" + "\x9b6n")
raise ValueError("\x1b[2J\r\x1b]0;owned\x07" + "\u202e" + "10/10")
