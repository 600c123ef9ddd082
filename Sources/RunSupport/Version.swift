/// This program.
public enum Trompe {
  public static let version = "0.1.0"
}
