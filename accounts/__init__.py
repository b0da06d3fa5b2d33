"""Who people are: partnerships, agencies, teams, posts, stand-ins, appointments; and who is acting now."""
