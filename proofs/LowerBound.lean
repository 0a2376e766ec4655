prelude
import Matrix
universe u v

/-!
# A rank-`r` coordinator cannot carry a recurrence of full rank `d > r`

Over a field, the `d × d` identity is no product `A Bᵀ` with inner dimension `r < d`.
The heart is Gaussian elimination: `r + 1` rows with `r` columns are linearly dependent.
-/

class Neg (α : Type u) where
  neg : α → α
notation:75 "-" a:75 => Neg.neg a

/-- A field: a commutative ring in which every element is zero or invertible. -/
class Field (K : Type u) extends CommSemiring K, Neg K where
  add_neg (a : K) : a + -a = 0
  zero_or_inverse (a : K) : a = 0 ∨ ∃ b, a * b = 1
  one_ne_zero : (1 : K) ≠ 0

export Field (add_neg zero_or_inverse one_ne_zero)

variable {K : Type u} [Field K]

/-- The sequence `f` with entry `n` replaced by `a`. -/
def replace (n : Nat) (f : Nat → K) (a : K) : Nat → K :=
  fun i => if i = n then a else f i

omit [Field K] in
theorem replace_other {n i : Nat} (f : Nat → K) (a : K) (h : i ≠ n) : replace n f a i = f i :=
  if_neg h a (f i)

theorem sum_replace (n : Nat) (f g : Nat → K) (a : K) :
    ∑ i < n + 1, replace n f a i * g i = ∑ i < n, f i * g i + a * g n := by
  have last : replace n f a n = a := if_pos rfl a (f n)
  rw [sum, last, sum_congr_below (fun i small => congrArg (· * g i) (replace_other f a (Nat.ne_of_lt small)))]

/-- Among finitely many numbers, all are zero or one can serve as a pivot. -/
theorem find_pivot (f : Nat → K) (n : Nat) :
    (∀ l, l < n → f l = 0) ∨ (∃ q b, q < n ∧ 1 + b * f q = 0) := by
  induction n with
  | zero => exact Or.inl (fun _ small => nomatch small)
  | succ n ih => cases ih with
    | inr found =>
      have ⟨q, b, small, h⟩ := found
      exact Or.inr ⟨q, b, Nat.le.step small, h⟩
    | inl none => cases zero_or_inverse (f n) with
      | inr unit =>
        have ⟨b, h⟩ := unit
        refine Or.inr ⟨n, -b, Nat.le.refl, ?_⟩
        rw [← h, mul_comm (f n), ← add_mul, add_neg, zero_mul]
      | inl zero =>
        refine Or.inl (fun l small => ?_)
        cases Nat.eq_or_ne l n with
        | inl e => rw [e, zero]
        | inr e => exact none l (Nat.lt_of_lt_succ_of_ne small e)

/-- `r + 1` rows with `r` columns are linearly dependent. -/
theorem dependent (r : Nat) (A : Nat → Nat → K) :
    ∃ c : Nat → K, (∃ i, i < r + 1 ∧ c i ≠ 0) ∧ ∀ l, l < r → ∑ i < r + 1, c i * A i l = 0 := by
  induction r generalizing A with
  | zero => exact ⟨fun _ => 1, ⟨0, Nat.le.refl, one_ne_zero⟩, fun _ small => nomatch small⟩
  | succ r ih => cases find_pivot (A (r + 1)) (r + 1) with
    | inl zero =>
      -- the last row vanishes: it is dependent on its own
      refine ⟨replace (r + 1) (fun _ => 0) 1, ⟨r + 1, Nat.le.refl, ?_⟩, fun l small => ?_⟩
      · rw [replace, if_pos rfl]
        exact one_ne_zero
      · rw [sum_replace, zero l small, mul_zero, add_zero, sum_congr (fun i => zero_mul (A i l)), sum_zero]
    | inr found =>
      -- clear the other columns with the pivot, and put the last column where the pivot's was
      have ⟨q, b, inside, pivot⟩ := found
      have ⟨c, ⟨i, small, nonzero⟩, kernel⟩ := ih (fun i l =>
        A i (if l = q then r else l) + A i q * (b * A (r + 1) (if l = q then r else l)))
      refine ⟨replace (r + 1) c ((∑ i < r + 1, c i * A i q) * b), ⟨i, Nat.le.step small, ?_⟩, fun l below => ?_⟩
      · rw [replace_other c _ (Nat.ne_of_lt small)]
        exact nonzero
      · rw [sum_replace, mul_assoc]
        have cleared : ∀ k, k < r → (if k = q then r else k) = l →
            ∑ i < r + 1, c i * A i l + (∑ i < r + 1, c i * A i q) * (b * A (r + 1) l) = 0 := by
          intro k smallk e
          rw [sum_mul, ← sum_add, ← kernel k smallk, e]
          exact sum_congr (fun i => by rw [mul_add, mul_assoc]) (r + 1)
        cases Nat.eq_or_ne l q with
        | inl e => calc
          ∑ i < r + 1, c i * A i l + (∑ i < r + 1, c i * A i q) * (b * A (r + 1) l)
          _ = (∑ i < r + 1, c i * A i q) * (1 + b * A (r + 1) q) := by rw [e, mul_add, mul_one]
          _ = 0 := by rw [pivot, mul_zero]
        | inr e => cases Nat.eq_or_ne l r with
          | inl last =>
            have smallq : q < r := Nat.lt_of_lt_succ_of_ne inside (fun h => e (last.trans h.symm))
            exact cleared q smallq (by rw [if_pos rfl, last])
          | inr other => exact cleared l (Nat.lt_of_lt_succ_of_ne below other) (if_neg e r l)

/-- No `r` numbers can carry `d > r` independent ones: `A Bᵀ` is not the `d × d` identity. -/
theorem identity_needs_full_rank {d r : Nat} (few : r < d) (A B : Nat → Nat → K) :
    ¬ (∀ i j, i < d → j < d → identity i j = ∑ l < r, A i l * B j l) := by
  intro factors
  have ⟨c, ⟨j, small, nonzero⟩, kernel⟩ := dependent r A
  apply nonzero
  calc
    c j = ∑ i < r + 1, c i * identity i j := (sum_identity c small).symm
    _ = ∑ i < r + 1, c i * (∑ l < r, A i l * B j l) := sum_congr_below (fun i below =>
      congrArg (c i * ·) (factors i j (le_trans below few) (le_trans small few)))
    _ = ∑ l < r, (∑ i < r + 1, c i * A i l) * B j l := (sum_assoc c A (B j) (r + 1) r).symm
    _ = ∑ l < r, 0 * B j l := sum_congr_below (fun l below => congrArg (· * B j l) (kernel l below))
    _ = 0 := by rw [sum_congr (fun l => zero_mul (B j l)), sum_zero]

/-- `r < d` numbers, linear in and linear out, cannot even hand a `d`-dimensional state on unchanged. -/
theorem no_small_coordinator {d r : Nat} (few : r < d) (P Q : Nat → Nat → K) :
    ¬ (∀ (x : Nat → K) i, i < d → ∑ l < r, P i l * (∑ j < d, Q l j * x j) = x i) := by
  intro carries
  apply identity_needs_full_rank few P (fun j l => Q l j)
  intro i j hi hj
  rw [← carries (fun k => identity k j) i hi]
  exact sum_congr (fun l => congrArg (P i l * ·) (sum_identity (Q l) hj)) r

/-- The laws of a field are consistent: the two-element field satisfies them. -/
instance : Field Bool where
  add a b := match a, b with
    | true, true => false
    | false, b => b
    | true, false => true
  mul a b := match a, b with
    | true, b => b
    | false, _ => false
  zero := false
  one := true
  neg a := a
  add_assoc | false, _, _ => rfl | true, false, _ => rfl | true, true, false => rfl | true, true, true => rfl
  add_comm | false, false => rfl | false, true => rfl | true, false => rfl | true, true => rfl
  add_zero | false => rfl | true => rfl
  mul_assoc | false, _, _ => rfl | true, _, _ => rfl
  mul_comm | false, false => rfl | false, true => rfl | true, false => rfl | true, true => rfl
  mul_one | false => rfl | true => rfl
  mul_zero | false => rfl | true => rfl
  mul_add | false, _, _ => rfl | true, _, _ => rfl
  add_neg | false => rfl | true => rfl
  zero_or_inverse | false => Or.inl rfl | true => Or.inr ⟨true, rfl⟩
  one_ne_zero h := Bool.false_ne_true h.symm
