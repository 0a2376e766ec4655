prelude
import Matrix
universe u v w

/-!
# Factorisation rank

`FactorsThrough r M` says that `M i j = ∑ l < r, A i l * B j l` for some `A`, `B`;
over a field this is `rank M ≤ r`. Rows and columns may be indexed by any type; the channels
of a state are the numbers `Below r`.
-/

variable {K : Type u} [CommSemiring K] {ι : Type v} {κ : Type w}

/-- `M = A Bᵀ` with inner dimension `r`. -/
def FactorsThrough (r : Nat) (M : ι → κ → K) : Prop :=
  ∃ (A : ι → Nat → K) (B : κ → Nat → K), ∀ i j, M i j = ∑ l < r, A i l * B j l

/-- The sequence that runs through `f 0, …, f (m - 1)` and goes on with `g`. -/
def append {α : Type u} (m : Nat) (f g : Nat → α) : Nat → α :=
  match m with
  | 0 => g
  | m + 1 => fun
    | 0 => f 0
    | l + 1 => append m (fun l => f (l + 1)) g l

theorem sum_append (f g f' g' : Nat → K) (m n : Nat) :
    ∑ l < n + m, append m f g l * append m f' g' l
      = ∑ l < m, f l * f' l + ∑ l < n, g l * g' l := by
  induction m generalizing f f' with
  | zero => exact (zero_add (∑ l < n, g l * g' l)).symm
  | succ m ih => calc
    ∑ l < (n + m) + 1, append (m + 1) f g l * append (m + 1) f' g' l
    _ = f 0 * f' 0 + ∑ l < n + m, append m (fun l => f (l + 1)) g l * append m (fun l => f' (l + 1)) g' l :=
      sum_shift (fun l => append (m + 1) f g l * append (m + 1) f' g' l) (n + m)
    _ = f 0 * f' 0 + (∑ l < m, f (l + 1) * f' (l + 1) + ∑ l < n, g l * g' l) := by rw [ih]
    _ = ∑ l < m + 1, f l * f' l + ∑ l < n, g l * g' l := by rw [← add_assoc, sum_shift]

/-- rank `M ≤ m` and rank `N ≤ n` give rank `(M + N) ≤ m + n`. -/
theorem FactorsThrough.add {m n : Nat} {M N : ι → κ → K}
    (hM : FactorsThrough m M) (hN : FactorsThrough n N) :
    FactorsThrough (m + n) (fun i j => M i j + N i j) :=
  let ⟨A, B, h⟩ := hM
  let ⟨A', B', h'⟩ := hN
  ⟨fun i => append n (A' i) (A i), fun j => append n (B' j) (B j), fun i j => by
    show M i j + N i j = _
    rw [sum_append, h, h', add_comm]⟩

/-- Scaling every column by a number of its own does not raise the rank. -/
theorem FactorsThrough.scale_columns {r : Nat} {M : ι → κ → K} (c : κ → K) (hM : FactorsThrough r M) :
    FactorsThrough r (fun i j => c j * M i j) :=
  let ⟨A, B, h⟩ := hM
  ⟨A, fun j l => c j * B j l, fun i j => by
    show c j * M i j = _
    rw [h, mul_sum]
    exact sum_congr (fun l => mul_left_comm (c j) (A i l) (B j l)) r⟩

/-- The width bound: a matrix with `r` columns has rank at most `r`. -/
theorem FactorsThrough.of_width (r : Nat) (M : ι → Nat → K) :
    FactorsThrough r (fun i (j : Below r) => M i j.val) :=
  ⟨M, fun j l => identity l j.val, fun i j => (sum_identity (M i) j.small).symm⟩

/-- The growth bound. Memory `S_{t+1}[:, j] = decay_t(j) · S_t[:, j] + (A_t B_tᵀ)[:, j]` with rank-`r`
writes has rank at most `rank S_0 + r * t` after `t` turns. `decay_t(j)` is `ρ` for a channel that is active
and `1` for one that is left alone (whose row of `B_t` is zero); nothing but the factorisation of the write
is used. -/
theorem rank_of_memory {r₀ r : Nat} (decay : Nat → κ → K) (A : Nat → ι → Nat → K) (B : Nat → κ → Nat → K)
    (S : Nat → ι → κ → K) (start : FactorsThrough r₀ (S 0))
    (step : ∀ t i j, S (t + 1) i j = decay t j * S t i j + ∑ l < r, A t i l * B t j l)
    (t : Nat) : FactorsThrough (r₀ + r * t) (S t) := by
  induction t with
  | zero => exact start
  | succ t ih =>
    have both := (ih.scale_columns (decay t)).add (N := fun i j => ∑ l < r, A t i l * B t j l) ⟨A t, B t, fun _ _ => rfl⟩
    rw [Nat.add_assoc'] at both
    have ⟨X, Y, h⟩ := both
    exact ⟨X, Y, fun i j => (step t i j).trans (h i j)⟩

/-- Both bounds at once: a state of `r` channels with rank-`r_u` writes has rank at most
`min r (rank S_0 + r_u * t)` after `t` turns. -/
theorem rank_of_state {r₀ r r_u : Nat} (decay : Nat → Nat → K) (A : Nat → ι → Nat → K) (B : Nat → Nat → Nat → K)
    (S : Nat → ι → Nat → K) (start : FactorsThrough r₀ (fun i (j : Below r) => S 0 i j.val))
    (step : ∀ t i j, j < r → S (t + 1) i j = decay t j * S t i j + ∑ l < r_u, A t i l * B t j l)
    (t : Nat) : FactorsThrough (Nat.min r (r₀ + r_u * t)) (fun i (j : Below r) => S t i j.val) := by
  cases Nat.min_cases r (r₀ + r_u * t) with
  | inl h =>
    rw [h.left]
    exact FactorsThrough.of_width r (S t)
  | inr h =>
    rw [h.left]
    exact rank_of_memory (fun t (j : Below r) => decay t j.val) A (fun t (j : Below r) => B t j.val)
      (fun t i (j : Below r) => S t i j.val) start (fun t i j => step t i j.val j.small) t
