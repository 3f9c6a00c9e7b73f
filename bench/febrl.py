"""FEBRL's made-up people, one record after another, beside what splink finds in them as a whole: a report without a goal that binds.

The records are postal addresses, which a lead seldom has; a lead's phone and mail they have not. So names are compared as the product
does, and the rest of a record counts as the support that it is: `--febrl FOLDER` names the folder of `dataset1.csv` and so on.
"""
