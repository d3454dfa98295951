"""People: what agents say and do, and the seconds that they spend in each state.

Rule: as pure as the rest of the core, and fed from two sides only: by what an agent
said (`events`) and by what contacts say of the agents on them (`engagement`).
"""
