"""A made-up operator for trying the program: who its subscribers are, how they live, how their months went by.

Everything follows from a seed and the calendar: the same seed gives the same people, and a person's day is the same
whenever it is asked for. Nothing here goes around the real code: usage is imported and rated, fees are charged and
payments are recorded by the services that do it for a real operator.
"""
