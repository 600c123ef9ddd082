// Sources/Explanations/InterpreterKind.swift
extension InterpreterKind {
  public static let all: [InterpreterKind] = [
    GradCAM.kind,
    SimpleGrad.kind,
    // …
    SquaredGrad.kind,
  ]
}
