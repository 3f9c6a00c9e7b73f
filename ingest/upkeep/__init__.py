"""What is done for the store itself: what is too old goes, the room it took is given back, the planner knows what there is."""
