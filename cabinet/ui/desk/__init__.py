"""What the pages of the staff share: their frame, and who is at the desk.

A page of the desk is registered with `access="staff"`, so that it knows who is there, and returns
`cabinet.ui.desk.frame.staff_frame(…)`.
"""
