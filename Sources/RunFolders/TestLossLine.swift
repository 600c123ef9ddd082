/// One line of `test-losses.jsonl`.
package struct TestLossLine: Codable {
  package let image: String
  package let label: String
  package let interpreter: String
  /// Of each network; `nil` where it could not read the image.
  package let original: Double?
  package let manipulated: Double?
  /// Of the same steps with λ = 0; `nil` without a control.
  package let control: Double?

  package init(
    image: String, label: String, interpreter: String, original: Double?, manipulated: Double?,
    control: Double?
  ) {
    self.image = image
    self.label = label
    self.interpreter = interpreter
    self.original = original
    self.manipulated = manipulated
    self.control = control
  }
}
