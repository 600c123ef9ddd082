// Manipulation
