// Explanations
