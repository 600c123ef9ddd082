/// What `trompe curvature` measures the curvature of, as a function of the image.
public enum CurvedFunction: String, Codable, Hashable, Sendable, CaseIterable {
  /// The cross-entropy at the label.
  case loss
  /// The label's logit, whose gradient is the explanation.
  case logit
}
