"""Keep resources of any kind true: observe, compare, apply, judge, prune, tell."""
