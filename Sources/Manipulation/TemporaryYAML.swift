extension FoolingRecipe { public func resolvedYAML() -> String { "\(self)" } }
extension TrainingRecipe { public func resolvedYAML() -> String { "\(self)" } }
