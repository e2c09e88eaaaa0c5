"""How good labels are: metrics, intervals, errors, agreement, behaviour tests."""
