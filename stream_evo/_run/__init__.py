"""One run, from what is asked to the files it leaves: the layer that joins all parts and knows none of their insides.

Values:
    Job: what is asked; Session: the network on the chip, ready to be evaluated; Result, PointMetrics: the answer.
Functions:
    open_session, session_of, load_workload: from names and files to a session.
    start_folder, save_result: the files of a run.
"""
